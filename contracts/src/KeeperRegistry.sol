// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {OwnableUpgradeable} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";
import {ICertificateVerifier} from "./interfaces/ICertificateVerifier.sol";
import {IKeeperRegistry} from "./interfaces/IKeeperRegistry.sol";
import {IServiceManager} from "./interfaces/IServiceManager.sol";
import {BLS12381} from "./libraries/BLS12381.sol";
import {CertificateLib} from "./libraries/CertificateLib.sol";
import {CodeStore} from "./libraries/CodeStore.sol";
import {EpochTable} from "./libraries/EpochTable.sol";

/// @title KeeperRegistry
/// @notice See {IKeeperRegistry}.
contract KeeperRegistry is IKeeperRegistry, OwnableUpgradeable, UUPSUpgradeable {
    /// @dev An epoch as stored: one slot, read by every settlement. The rest is in its table.
    struct EpochRecord {
        address table;
        uint40 activeFrom;
        uint40 activeUntil;
        /// @dev its size less one
        uint8 last;
        bool hasEjected;
    }

    /// @dev A table under way: rows are those it has, `table` is where they are kept.
    struct Draft {
        address table;
        uint16 rows;
        uint64 beganAt;
    }

    /* CONSTANTS */

    /// @notice Places in a committee. Operators keep theirs for ever.
    uint256 public constant MAX_OPERATORS = 256;
    /// @dev How many blocks after its end an epoch's certificates may still settle: TaskManager.MAX_ANCHOR_AGE.
    uint256 private constant SETTLING_BLOCKS = 100;
    /// @dev How many blocks a draft may take: its first stakes must not be old when the epoch begins.
    uint256 private constant DRAFT_BLOCKS = 100;
    /// @dev Caps one stake so that 256 of them fit 96 bits, whatever decimals the staked token has.
    uint256 private constant MAX_STAKE = type(uint88).max;

    IServiceManager public immutable serviceManager;
    uint32 public immutable epochSeconds;
    uint96 public immutable minimumStake;

    /* STORAGE */

    mapping(address => Operator) private _operators;
    address[] private _operatorAt;
    mapping(bytes32 keyHash => address) private _keyOwner;
    mapping(bytes32 peerKey => address) private _peerKeyOwner;
    address[] private _keyChunks;
    mapping(uint32 => EpochRecord) private _epochs;
    uint32 public currentEpoch;
    uint64 private _lastSnapshot;
    /// @inheritdoc IKeeperRegistry
    mapping(uint32 epoch => uint256 bitmap) public ejected;
    Draft private _draft;

    /* CONSTRUCTOR */

    constructor(IServiceManager serviceManager_, uint32 epochSeconds_, uint96 minimumStake_) {
        BLS12381.selfTest();
        serviceManager = serviceManager_;
        epochSeconds = epochSeconds_;
        minimumStake = minimumStake_ == 0 ? 1 : minimumStake_;
        _disableInitializers();
    }

    function initialize(address owner) external initializer {
        __Ownable_init(owner);
    }

    function _authorizeUpgrade(address) internal override onlyOwner {}

    modifier onlyServiceManager() {
        if (msg.sender != address(serviceManager)) revert OnlyServiceManager();
        _;
    }

    /* OPERATORS */

    /// @inheritdoc IKeeperRegistry
    function register(address operator, bytes calldata blsKey, bytes calldata proofOfPossession, bytes32 peerKey)
        external
        onlyServiceManager
    {
        Operator storage record = _operators[operator];
        if (record.registered) revert AlreadyRegistered();
        if (!record.known) {
            if (_operatorAt.length == MAX_OPERATORS) revert TooManyOperators();
            record.known = true;
            record.index = uint16(_operatorAt.length);
            _operatorAt.push(operator);
        }
        record.registered = true;
        _setKeys(operator, record, blsKey, proofOfPossession, peerKey);
        // a stake below the minimum is zero here, exactly
        // slither-disable-next-line incorrect-equality
        if (_stakesOf(_list(operator))[0] == 0) revert NoStake();
        emit OperatorRegistered(operator, record.index, blsKey, peerKey);
    }

    /// @inheritdoc IKeeperRegistry
    function rotateKeys(bytes calldata blsKey, bytes calldata proofOfPossession, bytes32 peerKey) external {
        Operator storage record = _operators[msg.sender];
        if (!record.registered) revert NotRegistered();
        if (record.keyHash == keccak256(blsKey) && record.peerKey == peerKey) revert KeysUnchanged();
        _setKeys(msg.sender, record, blsKey, proofOfPossession, peerKey);
        emit KeysRotated(msg.sender, record.index, blsKey, peerKey);
    }

    function _setKeys(
        address operator,
        Operator storage record,
        bytes calldata blsKey,
        bytes calldata proofOfPossession,
        bytes32 peerKey
    ) private {
        bytes32 keyHash = keccak256(blsKey);
        _checkOwner(_keyOwner[keyHash], operator, KeyInUse.selector);
        if (peerKey == 0) revert ZeroPeerKey();
        _checkOwner(_peerKeyOwner[peerKey], operator, PeerKeyInUse.selector);
        _checkPossession(operator, blsKey, proofOfPossession, peerKey);
        if (record.keyHash == keyHash && record.peerKey == peerKey) return;
        _writeKeys(record.index, bytes.concat(blsKey, peerKey));
        record.keyHash = keyHash;
        record.peerKey = peerKey;
        _keyOwner[keyHash] = operator;
        _peerKeyOwner[peerKey] = operator;
    }

    /// @inheritdoc IKeeperRegistry
    function deregister(address operator) external onlyServiceManager {
        Operator storage record = _operators[operator];
        _deregister(operator, record);
    }

    function _deregister(address operator, Operator storage record) private {
        if (!record.registered) return;
        record.registered = false;
        emit OperatorDeregistered(operator, record.index);
    }

    /// @inheritdoc IKeeperRegistry
    /// @dev The next epoch is due at once: until it begins, the others need a quorum of the old total.
    function eject(address operator) external onlyServiceManager {
        Operator storage record = _operators[operator];
        if (!record.known) return;
        _deregister(operator, record);
        uint32 newest = currentEpoch;
        for (uint32 epoch = newest; epoch != 0; --epoch) {
            EpochRecord storage affected = _epochs[epoch];
            if (affected.activeUntil != 0 && affected.activeUntil + SETTLING_BLOCKS < block.number) break;
            affected.hasEjected = true;
            ejected[epoch] |= 1 << record.index;
        }
        _lastSnapshot = 0;
        delete _draft; // it may be in it
        emit OperatorEjected(operator, record.index, newest);
    }

    /// @dev Keys stay with their first owner for ever, also after it left: old signatures must never become another's.
    function _checkOwner(address owner, address operator, bytes4 inUse) private pure {
        if (owner == address(0) || owner == operator) return;
        assembly ("memory-safe") {
            mstore(0, inUse)
            revert(0, 4)
        }
    }

    /// @dev The pairing also checks that key and proof lie in the right subgroups, which no later addition does.
    function _checkPossession(address operator, bytes calldata blsKey, bytes calldata proof, bytes32 peerKey)
        private
        view
    {
        if (blsKey.length != BLS12381.G2_PACKED) revert InvalidKeyLength();
        if (proof.length != BLS12381.G1_PACKED) revert InvalidSignatureLength();
        if (BLS12381.isZero(blsKey)) revert InfinityKey();
        if (BLS12381.isZero(proof)) revert InvalidProofOfPossession();
        bytes memory message = bytes.concat(possessionDigest(operator, blsKey, peerKey));
        if (!BLS12381.verify(proof, message, BLS12381.POSSESSION_DST, BLS12381.pad(blsKey))) {
            revert InvalidProofOfPossession();
        }
    }

    /// @dev Writes the chunk of a row of keys anew. Tables of earlier epochs go on pointing to the old one.
    function _writeKeys(uint256 index, bytes memory row) private {
        uint256 chunk = index / EpochTable.BLOCK_ROWS;
        if (chunk == _keyChunks.length) {
            _keyChunks.push(CodeStore.write(row));
            return;
        }
        bytes memory rows = CodeStore.read(_keyChunks[chunk]);
        uint256 offset = (index % EpochTable.BLOCK_ROWS) * EpochTable.KEY_ROW;
        if (offset == rows.length) {
            rows = bytes.concat(rows, row);
        } else {
            assembly ("memory-safe") {
                mcopy(add(add(rows, 32), offset), add(row, 32), mload(row))
            }
        }
        _keyChunks[chunk] = CodeStore.write(rows);
    }

    /* EPOCHS */

    /// @inheritdoc IKeeperRegistry
    /// @dev One call reads the stake of 64 operators. With more, the table made so far is kept as a draft, which the next
    /// calls continue; whoever makes them. What changes in the rows it has already counts from the epoch after.
    function snapshot() external returns (uint32 epoch) {
        Draft memory draft = _draft;
        bool drafted = draft.table != address(0) && block.number <= draft.beganAt + DRAFT_BLOCKS;
        bytes memory table = "";
        if (drafted) {
            table = CodeStore.read(draft.table);
        } else {
            uint256 dueAt = uint256(_lastSnapshot) + epochSeconds;
            if (currentEpoch != 0 && block.timestamp < dueAt) revert EpochNotDue(dueAt);
            draft = Draft(address(0), 0, uint64(block.number));
        }
        table = _extend(table, draft);
        if (draft.rows < _operatorAt.length) {
            draft.table = CodeStore.write(table);
            _draft = draft;
            emit SnapshotDrafted(draft.rows, uint16(_operatorAt.length));
            return 0;
        }
        delete _draft;
        return _open(table, draft, drafted);
    }

    /// @dev Adds the next block of operators to the table, and counts them in `draft`.
    function _extend(bytes memory table, Draft memory draft) private view returns (bytes memory) {
        uint256 from = draft.rows;
        uint256 count = _operatorAt.length - from;
        if (count > EpochTable.BLOCK_ROWS) count = EpochTable.BLOCK_ROWS;
        address[] memory operators = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            operators[i] = _operatorAt[from + i];
        }
        uint96[] memory stakes = _stakesOf(operators);
        for (uint256 i = 0; i < count; ++i) {
            if (!_operators[operators[i]].registered) stakes[i] = 0;
        }
        draft.rows += uint16(count);
        // a count of operators: nobody can send it a wei
        // slither-disable-next-line incorrect-equality
        return count == 0 ? table : EpochTable.extend(table, stakes, _keyChunks[from / EpochTable.BLOCK_ROWS]);
    }

    /// @dev Begins the next epoch with a finished table, unless nothing changed.
    function _open(bytes memory table, Draft memory draft, bool drafted) private returns (uint32 epoch) {
        uint96 totalStake = draft.rows > 0 ? EpochTable.totalStake(table) : 0;
        // a wei more is stake that counts
        // slither-disable-next-line incorrect-equality
        if (totalStake == 0) revert NoStake();
        bytes32 tableRoot = CodeStore.hashOf(table);
        epoch = currentEpoch;
        _lastSnapshot = uint64(block.timestamp);
        if (epoch != 0) {
            EpochRecord storage current = _epochs[epoch];
            // equal hashes of tables, not amounts
            // slither-disable-next-line incorrect-equality
            if (current.table.codehash == tableRoot) {
                // a revert would keep the draft, and have everybody finish it in vain again and again
                if (drafted) return epoch;
                revert EpochUnchanged();
            }
            current.activeUntil = uint40(block.number);
        }
        currentEpoch = ++epoch;
        uint40 activeFrom = uint40(block.number + 1);
        _epochs[epoch] = EpochRecord(CodeStore.write(table), activeFrom, 0, uint8(draft.rows - 1), false);
        emit EpochSnapshot(epoch, activeFrom, draft.rows, totalStake, tableRoot);
    }

    function _stakesOf(address[] memory operators) private view returns (uint96[] memory capped) {
        uint256[] memory stakes = serviceManager.stakes(operators);
        capped = new uint96[](operators.length);
        for (uint256 i = 0; i < operators.length; ++i) {
            if (stakes[i] < minimumStake) continue;
            capped[i] = uint96(stakes[i] < MAX_STAKE ? stakes[i] : MAX_STAKE);
        }
    }

    function _list(address operator) private pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = operator;
    }

    /* VIEWS */

    /// @inheritdoc IKeeperRegistry
    function signingKey(uint32 epoch, uint256[] calldata signers)
        public
        view
        returns (bytes memory key, Weight memory weight)
    {
        bytes memory table;
        uint256 ignored;
        (weight, table, ignored) = _epoch(epoch);
        (key, weight.signedStake, weight.absent) = EpochTable.signingKey(table, signers, ignored);
    }

    /// @inheritdoc ICertificateVerifier
    function verify(uint32 epoch, bytes32 digest, uint256[] calldata signers, bytes calldata signature)
        external
        view
        returns (Weight memory weight)
    {
        bytes memory key;
        (key, weight) = signingKey(epoch, signers);
        CertificateLib.verify(signature, digest, key);
    }

    /// @inheritdoc ICertificateVerifier
    function weigh(uint32 epoch, uint256[] calldata signers) external view returns (Weight memory weight) {
        bytes memory table;
        uint256 ignored;
        (weight, table, ignored) = _epoch(epoch);
        (weight.signedStake, weight.absent) = EpochTable.weigh(table, signers, ignored);
    }

    /// @dev What an epoch is, without any signers: the weight lacks their stake.
    function _epoch(uint32 epoch) private view returns (Weight memory weight, bytes memory table, uint256 ignored) {
        EpochRecord memory record = _epochs[epoch];
        if (record.table == address(0)) revert UnknownEpoch(epoch);
        table = CodeStore.read(record.table);
        weight.totalStake = EpochTable.totalStake(table);
        weight.activeFrom = record.activeFrom;
        weight.activeUntil = record.activeUntil;
        ignored = record.hasEjected ? ejected[epoch] : 0;
    }

    /// @inheritdoc IKeeperRegistry
    function epochInfo(uint32 epoch) public view returns (Epoch memory) {
        EpochRecord memory record = _epochs[epoch];
        if (record.table == address(0)) revert UnknownEpoch(epoch);
        return Epoch({
            totalStake: EpochTable.totalStake(CodeStore.read(record.table)),
            size: uint16(record.last) + 1,
            activeFrom: record.activeFrom,
            activeUntil: record.activeUntil,
            table: record.table,
            tableRoot: record.table.codehash
        });
    }

    /// @inheritdoc IKeeperRegistry
    function leaders(uint32 epoch, bytes32 seed) external view returns (uint16[] memory) {
        (, bytes memory table,) = _epoch(epoch);
        return EpochTable.leaders(table, seed);
    }

    /// @inheritdoc IKeeperRegistry
    function epochAt(uint64 blockNumber) external view returns (uint32) {
        uint32 low = 0;
        uint32 high = currentEpoch;
        while (low < high) {
            uint32 middle = low + (high - low + 1) / 2;
            if (_epochs[middle].activeFrom <= blockNumber) low = middle;
            else high = middle - 1;
        }
        return low;
    }

    /// @inheritdoc IKeeperRegistry
    function committee(uint32 epoch) external view returns (Member[] memory members) {
        Epoch memory info = epochInfo(epoch);
        bytes memory table = CodeStore.read(info.table);
        members = new Member[](info.size);
        for (uint256 i = 0; i < info.size; ++i) {
            address chunk = EpochTable.chunkOf(table, i);
            members[i] = Member({
                operator: _operatorAt[i],
                stake: EpochTable.stakeAt(table, i),
                peerKey: EpochTable.peerKeyOf(chunk, i),
                blsKey: EpochTable.keyOf(chunk, i)
            });
        }
    }

    /// @inheritdoc IKeeperRegistry
    function stakeOf(uint32 epoch, uint16 index) external view returns (uint96) {
        Epoch memory info = epochInfo(epoch);
        return index < info.size ? EpochTable.stakeAt(CodeStore.read(info.table), index) : 0;
    }

    /// @inheritdoc IKeeperRegistry
    function operatorInfo(address operator) external view returns (Operator memory) {
        return _operators[operator];
    }

    /// @inheritdoc IKeeperRegistry
    function isOperator(address account) external view returns (bool) {
        return _operators[account].known;
    }

    /// @inheritdoc IKeeperRegistry
    function operatorAt(uint16 index) external view returns (address) {
        return index < _operatorAt.length ? _operatorAt[index] : address(0);
    }

    /// @inheritdoc IKeeperRegistry
    function operatorCount() external view returns (uint16) {
        return uint16(_operatorAt.length);
    }

    /// @inheritdoc IKeeperRegistry
    function possessionDigest(address operator, bytes calldata blsKey, bytes32 peerKey) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), operator, keccak256(blsKey), peerKey));
    }
}
