// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {OwnableUpgradeable} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";
import {IKeeperRegistry} from "./interfaces/IKeeperRegistry.sol";
import {IServiceManager} from "./interfaces/IServiceManager.sol";
import {BLS12381} from "./libraries/BLS12381.sol";
import {CodeStore} from "./libraries/CodeStore.sol";
import {EpochTable} from "./libraries/EpochTable.sol";

/// @title KeeperRegistry
/// @notice See {IKeeperRegistry}.
contract KeeperRegistry is IKeeperRegistry, OwnableUpgradeable, UUPSUpgradeable {
    /// @dev An epoch as stored: two slots, both read by every settlement.
    struct EpochRecord {
        uint96 totalStake;
        uint16 size;
        uint64 activeFrom;
        uint64 activeUntil;
        bool hasEjected;
        address table;
    }

    /* CONSTANTS */

    /// @notice Places in a committee. Operators keep theirs for ever.
    uint256 public constant MAX_OPERATORS = 256;
    /// @dev How many blocks after its end an epoch's certificates may still settle: TaskManager.MAX_ANCHOR_AGE.
    uint256 private constant SETTLING_BLOCKS = 100;
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
        bytes32 keyHash = keccak256(blsKey);
        _checkOwner(_keyOwner[keyHash], operator, KeyInUse.selector);
        if (peerKey == 0) revert ZeroPeerKey();
        _checkOwner(_peerKeyOwner[peerKey], operator, PeerKeyInUse.selector);
        _checkPossession(operator, blsKey, proofOfPossession);
        if (_stakesOf(_list(operator))[0] == 0) revert NoStake();

        if (!record.known) {
            if (_operatorAt.length == MAX_OPERATORS) revert TooManyOperators();
            record.known = true;
            record.index = uint16(_operatorAt.length);
            _operatorAt.push(operator);
        }
        if (record.keyHash != keyHash) _writeKey(record.index, blsKey);
        record.registered = true;
        record.keyHash = keyHash;
        record.peerKey = peerKey;
        _keyOwner[keyHash] = operator;
        _peerKeyOwner[peerKey] = operator;
        emit OperatorRegistered(operator, record.index, blsKey, peerKey);
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
    function _checkPossession(address operator, bytes calldata blsKey, bytes calldata proof) private view {
        if (blsKey.length != BLS12381.G2_PACKED) revert InvalidKeyLength();
        if (proof.length != BLS12381.G1_PACKED) revert InvalidSignatureLength();
        if (BLS12381.isZero(blsKey)) revert InfinityKey();
        if (BLS12381.isZero(proof)) revert InvalidProofOfPossession();
        bytes memory message = bytes.concat(possessionDigest(operator, blsKey));
        if (!BLS12381.verify(proof, message, BLS12381.POSSESSION_DST, BLS12381.pad(blsKey))) {
            revert InvalidProofOfPossession();
        }
    }

    /// @dev Writes the key's chunk anew. Tables of earlier epochs go on pointing to the old one.
    function _writeKey(uint256 index, bytes calldata blsKey) private {
        uint256 chunk = index / EpochTable.KEYS_PER_CHUNK;
        if (chunk == _keyChunks.length) {
            _keyChunks.push(CodeStore.write(blsKey));
            return;
        }
        bytes memory keys = CodeStore.read(_keyChunks[chunk]);
        uint256 offset = (index % EpochTable.KEYS_PER_CHUNK) * BLS12381.G2_PACKED;
        if (offset == keys.length) {
            keys = bytes.concat(keys, blsKey);
        } else {
            assembly ("memory-safe") {
                calldatacopy(add(add(keys, 32), offset), blsKey.offset, blsKey.length)
            }
        }
        _keyChunks[chunk] = CodeStore.write(keys);
    }

    /* EPOCHS */

    /// @inheritdoc IKeeperRegistry
    function snapshot() external returns (uint32 epoch) {
        epoch = currentEpoch;
        uint256 dueAt = uint256(_lastSnapshot) + epochSeconds;
        if (epoch != 0 && block.timestamp < dueAt) revert EpochNotDue(dueAt);

        (uint96[] memory rows, uint96 totalStake) = _rows();
        if (totalStake == 0) revert NoStake();
        bytes memory table = EpochTable.encode(rows, _keyChunks);
        bytes32 tableRoot = CodeStore.hashOf(table);
        EpochRecord storage current = _epochs[epoch];
        if (epoch != 0) {
            if (current.table.codehash == tableRoot) revert EpochUnchanged();
            current.activeUntil = uint64(block.number);
        }
        currentEpoch = ++epoch;
        _lastSnapshot = uint64(block.timestamp);
        uint64 activeFrom = uint64(block.number + 1);
        _epochs[epoch] = EpochRecord(totalStake, uint16(rows.length), activeFrom, 0, false, CodeStore.write(table));
        emit EpochSnapshot(epoch, activeFrom, uint16(rows.length), totalStake, tableRoot);
    }

    /// @dev Stake of every index, zero for the deregistered and for those below the minimum.
    function _rows() private view returns (uint96[] memory rows, uint96 totalStake) {
        address[] memory operators = _operatorAt;
        rows = _stakesOf(operators);
        for (uint256 i = 0; i < rows.length; ++i) {
            if (!_operators[operators[i]].registered) rows[i] = 0;
            totalStake += rows[i];
        }
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
    function signingKey(uint32 epoch, uint256[] calldata signers) external view returns (Signers memory result) {
        EpochRecord storage record = _epochs[epoch];
        address table = record.table;
        if (table == address(0)) revert UnknownEpoch(epoch);
        result.totalStake = record.totalStake;
        result.activeFrom = record.activeFrom;
        result.activeUntil = record.activeUntil;
        uint256 ignored = record.hasEjected ? ejected[epoch] : 0;
        (result.key, result.signedStake, result.absent) =
            EpochTable.signingKey(CodeStore.read(table), record.size, signers, ignored);
    }

    /// @inheritdoc IKeeperRegistry
    function epochInfo(uint32 epoch) public view returns (Epoch memory) {
        EpochRecord memory record = _epochs[epoch];
        if (record.table == address(0)) revert UnknownEpoch(epoch);
        return Epoch({
            totalStake: record.totalStake,
            size: record.size,
            activeFrom: record.activeFrom,
            activeUntil: record.activeUntil,
            table: record.table,
            tableRoot: record.table.codehash
        });
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
            address operator = _operatorAt[i];
            members[i] = Member({
                operator: operator,
                stake: EpochTable.stakeAt(table, i),
                peerKey: _operators[operator].peerKey,
                blsKey: EpochTable.keyOf(EpochTable.chunkOf(table, info.size, i), i)
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
    function operatorAt(uint16 index) external view returns (address) {
        return index < _operatorAt.length ? _operatorAt[index] : address(0);
    }

    /// @inheritdoc IKeeperRegistry
    function operatorCount() external view returns (uint16) {
        return uint16(_operatorAt.length);
    }

    /// @inheritdoc IKeeperRegistry
    function possessionDigest(address operator, bytes calldata blsKey) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), operator, keccak256(blsKey)));
    }
}
