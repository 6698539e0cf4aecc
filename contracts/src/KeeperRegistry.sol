// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {OwnableUpgradeable} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";
import {ICertificateVerifier} from "./interfaces/ICertificateVerifier.sol";
import {IKeeperRegistry} from "./interfaces/IKeeperRegistry.sol";
import {IServiceManager} from "./interfaces/IServiceManager.sol";
import {BLS12381} from "./libraries/BLS12381.sol";
import {CertificateLib} from "./libraries/CertificateLib.sol";
import {Chain} from "./libraries/Chain.sol";
import {CodeStore} from "./libraries/CodeStore.sol";
import {EpochTable} from "./libraries/EpochTable.sol";
import {Operators} from "./Operators.sol";

/// @title KeeperRegistry
/// @notice See {IKeeperRegistry}.
/// @dev Operators and their keys are in Operators; here is in which epoch which of them count.
contract KeeperRegistry is Operators, OwnableUpgradeable, UUPSUpgradeable {
    /// @dev An epoch as stored: one slot, read by every settlement. The rest is in its table.
    struct EpochRecord {
        address table;
        uint40 activeFrom;
        uint40 activeUntil;
        /// @dev its size less one
        uint8 last;
        bool hasEjected;
    }

    /// @dev A table under way: rows are those it has, `table` is where they are kept. It began at that `block.number`.
    struct Draft {
        address table;
        uint16 rows;
        uint64 beganAt;
    }

    /* CONSTANTS */

    /// @dev How many blocks after its end an epoch's certificates may still settle at most, whatever TaskManager.maxAnchorAge.
    uint256 private constant SETTLING_BLOCKS = Chain.KNOWN_HASHES;
    uint32 public immutable epochSeconds;
    Chain.Kind private immutable _chainKind;

    /* STORAGE */

    mapping(uint32 => EpochRecord) private _epochs;
    uint64 private _lastSnapshot;
    /// @inheritdoc IKeeperRegistry
    mapping(uint32 epoch => uint256 bitmap) public ejected;
    Draft private _draft;

    /* CONSTRUCTOR */

    constructor(IServiceManager serviceManager_, uint32 epochSeconds_, uint96 minimumStake_)
        Operators(serviceManager_, minimumStake_)
    {
        BLS12381.selfTest();
        epochSeconds = epochSeconds_;
        _chainKind = Chain.kind();
        _disableInitializers();
    }

    function initialize(address owner) external initializer {
        __Ownable_init(owner);
    }

    function _authorizeUpgrade(address) internal override onlyOwner {}

    /* EJECTION */

    /// @inheritdoc IKeeperRegistry
    /// @dev The next epoch is due at once: until it begins, the others need a quorum of the old total. A draft goes on, or
    /// whoever can afford ejections would keep epochs from ever opening.
    function eject(address operator) external onlyServiceManager {
        Operator storage record = _operators[operator];
        bool isNew = record.registered;
        _leave(operator, record);
        uint32 newest = currentEpoch;
        uint256 current = Chain.number(_chainKind);
        for (uint32 epoch = newest; epoch != 0; --epoch) {
            EpochRecord storage affected = _epochs[epoch];
            if (affected.activeUntil != 0 && affected.activeUntil + SETTLING_BLOCKS < current) break;
            if (!_mark(epoch, affected.table, operator)) continue;
            affected.hasEjected = true;
            if (epoch == newest) _lastSnapshot = 0;
            isNew = true;
        }
        if (_isDrafting() && _mark(newest + 1, _draft.table, operator)) isNew = true;
        if (isNew) emit OperatorEjected(operator, record.index, newest);
    }

    /// @dev Notes an operator as ejected in an epoch, unless it has no stake there or is noted already.
    function _mark(uint32 epoch, address table, address operator) private returns (bool) {
        (bool held, uint16 index) = placeOf(epoch, operator);
        uint256 bit = held ? 1 << index : 0;
        uint256 before = ejected[epoch];
        // bits, not amounts
        // slither-disable-next-line incorrect-equality
        if (bit & EpochTable.stakedRowsIn(table) & ~before == 0) return false;
        ejected[epoch] = before | bit;
        return true;
    }

    /* EPOCHS */

    /// @inheritdoc IKeeperRegistry
    /// @dev One call reads the stake of 64 operators. With more, the table made so far is kept as a draft, which the next
    /// calls continue; whoever makes them. What changes in the rows it has already counts from the epoch after.
    function snapshot() external returns (uint32 epoch) {
        Draft memory draft = _draft;
        uint256 current = Chain.number(_chainKind);
        bool drafted = _isDrafting();
        bytes memory table = "";
        if (drafted) {
            table = CodeStore.read(draft.table);
        } else {
            uint256 dueAt = uint256(_lastSnapshot) + epochSeconds;
            if (currentEpoch != 0 && block.timestamp < dueAt) revert EpochNotDue(dueAt);
            draft = Draft(address(0), 0, uint64(block.number));
            delete ejected[currentEpoch + 1]; // of a draft given up
        }
        table = _extend(table, draft);
        if (draft.rows < _operatorAt.length) {
            draft.table = CodeStore.write(table);
            _draft = draft;
            emit SnapshotDrafted(draft.rows, uint16(_operatorAt.length));
            return 0;
        }
        delete _draft;
        return _open(table, draft, drafted, current);
    }

    function _isDrafting() internal view override returns (bool) {
        return _draft.table != address(0) && block.number <= _draft.beganAt + DRAFT_BLOCKS;
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
    function _open(bytes memory table, Draft memory draft, bool drafted, uint256 height)
        private
        returns (uint32 epoch)
    {
        uint96 totalStake = draft.rows > 0 ? EpochTable.totalStake(table) : 0;
        // a wei more is stake that counts
        // slither-disable-next-line incorrect-equality
        if (totalStake == 0) revert NoStake();
        bytes32 tableRoot = CodeStore.hashOf(table);
        epoch = currentEpoch;
        uint256 marked = ejected[epoch + 1];
        // with somebody in it who was ejected meanwhile, the next one is due at once
        _lastSnapshot = marked == 0 ? uint64(block.timestamp) : 0;
        if (epoch != 0) {
            EpochRecord storage current = _epochs[epoch];
            // equal hashes of tables, not amounts
            // slither-disable-next-line incorrect-equality
            if (current.table.codehash == tableRoot) {
                // a revert would keep the draft, and have everybody finish it in vain again and again
                if (drafted) return epoch;
                revert EpochUnchanged();
            }
            current.activeUntil = uint40(height);
        }
        currentEpoch = ++epoch;
        uint40 activeFrom = uint40(height + 1);
        _epochs[epoch] = EpochRecord(CodeStore.write(table), activeFrom, 0, uint8(draft.rows - 1), marked != 0);
        _noteStaked(EpochTable.stakedRows(table));
        emit EpochSnapshot(epoch, activeFrom, draft.rows, totalStake, tableRoot);
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
                operator: operatorAt(epoch, uint16(i)),
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
}
