// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "./interfaces/IJobManager.sol";
import {IKeeperRegistry} from "./interfaces/IKeeperRegistry.sol";
import {Chain} from "./libraries/Chain.sol";
import {CodeStore} from "./libraries/CodeStore.sol";
import {EpochTable} from "./libraries/EpochTable.sol";

/// @title Earnings
/// @notice Account of what every operator earned under the certificates of every epoch.
/// @dev An operator's part of a fee is stake / total stake of the whole committee, also when some are absent: what would
/// have been theirs stays with the job. So nobody gains when a signer is dropped. Parts are rounded down here and the
/// price is rounded up, so what is owed never exceeds what was charged; the difference is the protocol's, share and dust
/// alike, known once nothing can settle under the epoch any more.
///
/// Who is absent hardly changes from one batch to the next, so only changes are written: when an index becomes absent,
/// `missed` loses the fees up to then, when it is back, it gains them. While it is absent, it misses `missed + fees`.
abstract contract Earnings is IJobManager {
    struct Ledger {
        /// @dev keepers' part of all fees, had everybody signed
        uint128 fees;
        /// @dev what jobs were charged, refunds to submitters left out
        uint128 charged;
        uint256 absent;
        bool closed;
        /// @dev modulo 2^256
        mapping(uint256 index => uint256) missed;
    }

    /// @dev How many blocks after its end an epoch's certificates may still settle at most, whatever TaskManager.maxAnchorAge.
    uint256 private constant SETTLING_BLOCKS = Chain.KNOWN_HASHES;
    /// @dev What the first fees of a ledger cost besides later ones, in gas.
    uint256 private constant FRESH_GAS = 17_100;
    /// @dev What the chain gives back for a slot that is cleared.
    uint256 private constant CLEARED_GAS = 4_800;

    IKeeperRegistry internal immutable _registry;
    Chain.Kind internal immutable _chainKind;

    /* STORAGE */

    mapping(uint32 epoch => mapping(address token => Ledger)) private _ledgers;
    /// @notice What an operator has claimed of an epoch's fees.
    mapping(address operator => mapping(address token => mapping(uint32 epoch => uint256))) public claimed;
    /// @inheritdoc IJobManager
    mapping(address operator => uint256) public refunds;
    /// @inheritdoc IJobManager
    mapping(address token => uint256) public protocolOwed;

    constructor(address registry_) {
        _registry = IKeeperRegistry(registry_);
        _chainKind = Chain.kind();
    }

    /// @dev `absent`: bitmap of the indices that did not sign.
    function _earn(uint32 epoch, address token, uint256 fees, uint256 charged, uint256 absent) internal {
        if (charged == 0) return;
        Ledger storage ledger = _ledgers[epoch][token];
        (uint256 before, uint256 chargedBefore) = (ledger.fees, ledger.charged);
        if (ledger.absent != absent) _noteAbsent(ledger, absent, before);
        (fees, charged) = (before + fees, chargedBefore + charged);
        if (fees > type(uint128).max || charged > type(uint128).max) revert LedgerFull();
        (ledger.fees, ledger.charged) = (uint128(fees), uint128(charged));
    }

    /// @dev Takes down ahead of `_earn` who is absent, so that it is known what that costs: gas, besides what a settlement takes where
    /// nobody has come or gone since the last one, and the ledger has something in it.
    function _noteAhead(uint32 epoch, address token, uint256 absent) internal returns (uint256 gas) {
        Ledger storage ledger = _ledgers[epoch][token];
        (uint256 fees, uint256 charged) = (ledger.fees, ledger.charged);
        if (ledger.absent != absent) gas = _noteAbsent(ledger, absent, fees);
        unchecked {
            // nothing in it at all
            // slither-disable-next-line incorrect-equality
            if (charged == 0) gas += FRESH_GAS;
        }
    }

    /// @param fees what the ledger has in fees so far
    function _noteAbsent(Ledger storage ledger, uint256 absent, uint256 fees) private returns (uint256 gas) {
        gas = gasleft();
        uint256 changed = ledger.absent ^ absent;
        ledger.absent = absent;
        if (fees != 0) _noteChanges(ledger, changed, absent, fees);
        gas -= gasleft();
        // a slot that is cleared
        if (absent == 0) gas = gas < CLEARED_GAS ? 0 : gas - CLEARED_GAS;
    }

    /// @dev Whether nothing of a ledger was read in this transaction so far: reading it costs more then. It was after this.
    function _isUntouched(uint32 epoch, address token) internal view returns (bool) {
        Ledger storage ledger = _ledgers[epoch][token];
        uint256 before = gasleft();
        // what it holds does not matter, but that it is read
        return ledger.fees <= type(uint128).max && before - gasleft() >= 2_000;
    }

    function _noteChanges(Ledger storage ledger, uint256 changed, uint256 absent, uint256 fees) private {
        unchecked {
            for (uint256 i = 0; changed != 0; ++i) {
                if (changed & 1 == 1) ledger.missed[i] += (absent >> i) & 1 == 1 ? 0 - fees : fees;
                changed >>= 1;
            }
        }
    }

    /// @dev The fees of the tasks that an index signed.
    function _earned(Ledger storage ledger, uint256 index) private view returns (uint256) {
        unchecked {
            uint256 absentNow = (ledger.absent >> index) & 1;
            return ledger.fees - (ledger.missed[index] + absentNow * ledger.fees);
        }
    }

    /* CLAIMS */

    /// @dev Marks everything owed in the epochs as claimed and returns it; an epoch named twice counts once.
    function _takeOwed(address operator, address token, uint32[] calldata epochs) internal returns (uint256 amount) {
        for (uint256 i = 0; i < epochs.length; ++i) {
            uint256 part = _owedIn(operator, token, epochs[i]);
            if (part == 0) continue;
            claimed[operator][token][epochs[i]] += part;
            amount += part;
        }
        if (token == address(0)) {
            amount += refunds[operator];
            refunds[operator] = 0;
        }
    }

    function _owedIn(address operator, address token, uint32 epoch) internal view returns (uint256) {
        (bool held, uint16 index) = _registry.placeOf(epoch, operator);
        if (!held) return 0;
        uint256 stake = _registry.stakeOf(epoch, index);
        if (stake == 0) return 0;
        uint256 earned = _earned(_ledgers[epoch][token], index);
        return earned * stake / _registry.epochInfo(epoch).totalStake - claimed[operator][token][epoch];
    }

    /// @inheritdoc IJobManager
    function closeEpoch(uint32 epoch, address token) external returns (uint256 rest) {
        IKeeperRegistry.Epoch memory info = _registry.epochInfo(epoch);
        if (info.activeUntil == 0 || info.activeUntil + SETTLING_BLOCKS >= Chain.number(_chainKind)) {
            revert EpochOpen(epoch);
        }
        Ledger storage ledger = _ledgers[epoch][token];
        if (ledger.closed || ledger.charged == 0) revert NothingOwed();
        ledger.closed = true;
        bytes memory table = CodeStore.read(info.table);
        rest = ledger.charged;
        for (uint256 i = 0; i < info.size; ++i) {
            uint256 stake = EpochTable.stakeAt(table, i);
            if (stake != 0) rest -= _earned(ledger, i) * stake / info.totalStake;
        }
        protocolOwed[token] += rest;
        emit EpochClosed(epoch, token, rest);
    }
}
